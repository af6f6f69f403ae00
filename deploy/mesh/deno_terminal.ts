import type { Terminal } from "@mesh/cli";

/** The terminal of this process. */
export function denoTerminal(): Terminal {
  return {
    out: (text) => console.log(text),
    err: (text) => console.error(text),
    isColoured: Deno.stdout.isTerminal() && !Deno.noColor,
    ask: async (question, isSecret) => {
      const isInteractive = Deno.stdin.isTerminal();
      // Asked on standard error, so that output can be piped on.
      if (isInteractive) await Deno.stderr.write(new TextEncoder().encode(question));
      if (!isInteractive || !isSecret) return await readLine(false);
      Deno.stdin.setRaw(true, { cbreak: true });
      try {
        return await readLine(true);
      } finally {
        Deno.stdin.setRaw(false);
        await Deno.stderr.write(new TextEncoder().encode("\n"));
      }
    },
  };
}

/** Longest line that is read, in bytes: a password has 128 characters at most. */
const lineBytesMax = 4_096;

/** @returns The line without its end; `undefined` at the end of input. */
async function readLine(isRaw: boolean): Promise<string | undefined> {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  while (bytes.length < lineBytesMax) {
    const count = await Deno.stdin.read(one);
    if (count === null) return bytes.length === 0 ? undefined : textOf(bytes);
    const byte = one[0]!;
    if (byte === 0x0a || byte === 0x0d) return textOf(bytes);
    // A raw terminal leaves correcting to us.
    if (isRaw && (byte === 0x7f || byte === 0x08)) removeLastCharacter(bytes);
    else bytes.push(byte);
  }
  return undefined;
}

function removeLastCharacter(bytes: number[]): void {
  while (bytes.length > 0) if (((bytes.pop() ?? 0) & 0xc0) !== 0x80) return;
}

function textOf(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
