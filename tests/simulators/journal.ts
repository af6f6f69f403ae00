import { errorText } from "@mesh/base";

/** An append-only record of what an external party did, so that its truth survives its process. */
export interface Journal<Line> extends Disposable {
  /** What was there when the journal was opened. */
  readonly lines: readonly Line[];
  /** Adds one line with one write, so that a killed process leaves the whole line or an unfinished last one. */
  append(line: Line): void;
  /** Forgets everything. */
  reset(): void;
}

/**
 * Opens a journal of JSON lines.
 *
 * An unfinished last line (the process was killed while it wrote) is cut off: its answer was never given.
 *
 * @param path The file; without one nothing is kept.
 * @returns The journal; disposing it closes the file.
 * @throws {Error} If a line other than the last is no JSON: the file is not a journal, and guessing would change the truth.
 */
export function openJournal<Line>(path?: string): Journal<Line> {
  if (path === undefined) return { lines: [], append: () => {}, reset: () => {}, [Symbol.dispose]: () => {} };
  const file = Deno.openSync(path, { read: true, write: true, create: true });
  const { lines, wholeBytes } = closingOnError(file, () => readLines<Line>(path));
  file.truncateSync(wholeBytes);
  file.seekSync(wholeBytes, Deno.SeekMode.Start);
  const encoder = new TextEncoder();
  let isOpen = true;
  return {
    lines,
    append: (line) => writeAll(file, encoder.encode(`${JSON.stringify(line)}\n`)),
    reset: () => {
      file.truncateSync(0);
      file.seekSync(0, Deno.SeekMode.Start);
    },
    [Symbol.dispose]: () => {
      if (isOpen) file.close();
      isOpen = false;
    },
  };
}

function closingOnError<Value>(file: Deno.FsFile, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    file.close();
    throw error;
  }
}

function readLines<Line>(path: string): { readonly lines: Line[]; readonly wholeBytes: number } {
  const bytes = Deno.readFileSync(path);
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
  const whole = new TextDecoder().decode(bytes.subarray(0, wholeBytes));
  const lines = whole.split("\n").slice(0, -1).map((line, index) => {
    try {
      return JSON.parse(line) as Line;
    } catch (error) {
      throw new Error(`Cannot read journal "${path}": line ${index + 1} is not JSON: ${errorText(error)}`);
    }
  });
  return { lines, wholeBytes };
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
}
