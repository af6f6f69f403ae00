/** A process that listens on a port. */
export interface PortHolder {
  readonly pid: number;
  /** Its command line, without its middle where it is long: what tells processes apart stands at the ends. */
  readonly command: string;
}

/** How much of a long command line is shown. */
const [headChars, tailChars] = [30, 60] as const;

/**
 * Finds who listens on a TCP port of this machine.
 *
 * @returns The process, or `undefined` where the system does not say: no `/proc`, or another account's process.
 */
export function findPortHolder(port: number): PortHolder | undefined {
  try {
    const inodes = listeningInodes(port);
    if (inodes.size === 0) return undefined;
    for (const { name } of Deno.readDirSync("/proc")) {
      const pid = Number(name);
      if (Number.isInteger(pid) && holdsSocket(pid, inodes)) return { pid, command: commandOf(pid) };
    }
  } catch {
    // It is only for a better message.
  }
  return undefined;
}

/** `/proc/net/tcp`, proc(5): column 2 is the local address in hexadecimal, 4 the state (0A listens), 10 the inode. */
function listeningInodes(port: number): ReadonlySet<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = ["tcp", "tcp6"].flatMap((file) => {
    try {
      return Deno.readTextFileSync(`/proc/net/${file}`).trim().split("\n").slice(1);
    } catch {
      return [];
    }
  });
  const found = rows.map((row) => row.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(suffix) && columns[3] === "0A")
    .map((columns) => columns[9]!);
  return new Set(found);
}

function holdsSocket(pid: number, inodes: ReadonlySet<string>): boolean {
  try {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return true;
    }
  } catch {
    // Another account's process, or one that ended while we looked.
  }
  return false;
}

function commandOf(pid: number): string {
  const text = Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  if (text.length <= headChars + tailChars) return text;
  return `${text.slice(0, headChars)} … ${text.slice(-tailChars)}`;
}
