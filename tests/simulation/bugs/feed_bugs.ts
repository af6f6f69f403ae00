import type { Bug } from "./bug.ts";

/** Mistakes about what is read from owners, about ids and about waiting. */
export const feedBugs: readonly Bug[] = [
  {
    name: "feeds-never-read",
    what: "what the queues have lost is not looked for",
    rule: "section 4, feeds",
    plant: () => ({
      substitutes: {
        feeds: (feeds) => ({
          ...feeds,
          read: (_owner, { after }) => Promise.resolve({ items: [], next: after, completeUntilMs: 0, hasMore: false }),
        }),
      },
    }),
  },
  {
    name: "feed-skips-the-last",
    what: "the cursor moves past an event that committed late and was not given out",
    rule: "F1",
    plant: () => ({
      substitutes: {
        feeds: (feeds) => ({
          ...feeds,
          read: async (owner, query) => {
            const page = await feeds.read(owner, query);
            return { ...page, items: page.items.slice(0, -1) };
          },
        }),
      },
    }),
  },
  {
    name: "stream-read-off-by-one",
    what: "a gap is filled from the event after the first that is missing",
    rule: "F29",
    plant: () => ({
      substitutes: {
        feeds: (feeds) => ({
          ...feeds,
          readStream: (owner, stream, from) => feeds.readStream(owner, stream, from + 1),
        }),
      },
    }),
  },
  {
    name: "ids-repeat-after-a-restart",
    what: "a process draws the same ids in each of its lives",
    rule: "F22",
    plant: () => ({
      substitutes: {
        ids: (_ids, process) => {
          const tail = process.name.split("").reduce((sum, letter) => sum * 31 % 1_000_003 + letter.charCodeAt(0), 7);
          let count = 0;
          return {
            next: () => {
              count += 1;
              const low = (tail * 100_000 + count).toString(16).padStart(12, "0");
              return `019b76da-a800-7000-8000-${low.slice(-12)}`;
            },
          };
        },
      },
    }),
  },
  {
    name: "one-attempt-only",
    what: "a message that fails once is dead",
    rule: "F35",
    plant: () => ({ substitutes: { settings: (settings) => ({ ...settings, attemptsMax: 1 }) } }),
  },
];
