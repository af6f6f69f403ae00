/** One server-sent event. */
export interface SseEvent {
  readonly event: string;
  readonly id: string;
  readonly data: Record<string, unknown>;
}

/** 60 s: a stream that does not end by then hangs. */
const streamLimitMs = 60_000;

/** Reads a stream of server-sent events to its end. */
export async function readSse(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly events: readonly SseEvent[] }> {
  const response = await fetch(url, { headers: { ...headers }, signal: AbortSignal.timeout(streamLimitMs) });
  return { status: response.status, events: parseSse(await response.text()) };
}

/** Parses the text of a stream; comments and events without data are left out (WHATWG HTML 9.2.6). */
export function parseSse(text: string): readonly SseEvent[] {
  return text.split("\n\n").flatMap((block) => {
    const fields = Object.fromEntries(
      block.split("\n").filter((line) => !line.startsWith(":") && line.includes(": ")).map((line) => {
        const at = line.indexOf(": ");
        return [line.slice(0, at), line.slice(at + 2)];
      }),
    );
    if (fields.data === undefined) return [];
    return [{ event: fields.event ?? "message", id: fields.id ?? "", data: JSON.parse(fields.data) }];
  });
}
