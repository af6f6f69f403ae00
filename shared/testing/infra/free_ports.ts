import { UnavailableError } from "@mesh/base";

/**
 * Finds ports on loopback that nothing listens on.
 *
 * They lie below the range that the kernel gives to outgoing connections (from 32768 on Linux): a server that is
 * killed and started again on the same port must not find a client of its own sitting on it.
 *
 * @param count How many; all are different.
 * @throws {UnavailableError} If no free port was found in 200 tries.
 */
export function findFreePorts(count: number): number[] {
  const ports = new Set<number>();
  for (let attempt = 0; attempt < 200 && ports.size < count; attempt += 1) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (isPortFree(port)) ports.add(port);
  }
  if (ports.size < count) throw new UnavailableError(`Cannot find ${count} free ports: only ${ports.size} were free`);
  return [...ports];
}

/** Says whether nothing listens on a loopback port. */
export function isPortFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/**
 * Takes the ports asked for, and free ones for the rest.
 *
 * @param wanted Port per purpose; `undefined` means any free one.
 * @throws {UnavailableError} If a port asked for is taken; the message names it and its purpose.
 */
export function choosePorts<Purpose extends string>(
  wanted: Readonly<Record<Purpose, number | undefined>>,
): Record<Purpose, number> {
  const free = findFreePorts(Object.keys(wanted).length);
  const chosen = Object.entries<number | undefined>(wanted).map(([purpose, port]) => {
    if (port !== undefined && !isPortFree(port)) {
      throw new UnavailableError(`Cannot use port ${port} for ${purpose}: another process listens on it`);
    }
    return [purpose, port ?? free.pop()];
  });
  return Object.fromEntries(chosen) as Record<Purpose, number>;
}

/** Says whether something accepts connections on a loopback port. */
export async function acceptsConnections(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
