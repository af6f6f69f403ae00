import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { openJournal } from "./journal.ts";

function withFile(use: (path: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    use(`${directory}/journal.jsonl`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("a journal gives back what was appended before it was opened again", () =>
  withFile((path) => {
    {
      using journal = openJournal<{ n: number }>(path);
      journal.append({ n: 1 });
      journal.append({ n: 2 });
    }
    using again = openJournal<{ n: number }>(path);

    assertEquals(again.lines, [{ n: 1 }, { n: 2 }]);
  }));

Deno.test("a journal cuts off a last line that was never finished", () =>
  withFile((path) => {
    Deno.writeTextFileSync(path, '{"n":1}\n{"n":');
    {
      using journal = openJournal<{ n: number }>(path);
      assertEquals(journal.lines, [{ n: 1 }]);
      journal.append({ n: 2 });
    }

    assertEquals(Deno.readTextFileSync(path), '{"n":1}\n{"n":2}\n');
  }));

Deno.test("a journal refuses a file with a broken line in the middle", () =>
  withFile((path) => {
    Deno.writeTextFileSync(path, 'no json\n{"n":1}\n');

    throws(() => openJournal(path), /line 1 is not JSON/);
  }));

Deno.test("a journal is empty after a reset", () =>
  withFile((path) => {
    using journal = openJournal<{ n: number }>(path);
    journal.append({ n: 1 });
    journal.reset();
    journal.append({ n: 3 });

    assertEquals(Deno.readTextFileSync(path), '{"n":3}\n');
  }));
