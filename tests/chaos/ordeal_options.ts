/** What operators have to know of a shop that was set up so. */
export const ordealPlace = {
  partitions: 2,
  // A message that cannot be handled while somebody restarts must not run out of attempts: 26 s in all.
  tiersMs: [100, 1_000, 5_000, 10_000],
};

/** How a shop has to be set up for an ordeal. */
export const ordealOptions = {
  hasOwnServers: true,
  isSeeded: true,
  partitions: ordealPlace.partitions,
  settings: { tiersMs: ordealPlace.tiersMs },
  // A minute: nobody is away for so long, so that orders end well instead of being given up.
  sagaLimits: { giveUpAfterMs: 60_000, attentionAfterMs: 110_000 },
};
