/** Passwords of the servers' administrators. */
export interface Secrets {
  readonly rabbitmq: string;
  readonly postgres: string;
}

/**
 * Reads the administrators' passwords of a state folder, drawing them on first use.
 *
 * They are random even on a developer's machine: loopback is shared with every other account on it.
 */
export function readSecrets(folder: string): Secrets {
  const path = `${folder}/secrets.json`;
  const draft = `${path}.${Deno.pid}`;
  const drawn: Secrets = { rabbitmq: drawPassword(), postgres: drawPassword() };
  try {
    // A link appears whole or not at all, and never replaces what is there.
    Deno.writeTextFileSync(draft, JSON.stringify(drawn), { mode: 0o600 });
    Deno.linkSync(draft, path);
    return drawn;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return JSON.parse(Deno.readTextFileSync(path));
  } finally {
    Deno.removeSync(draft);
  }
}

function drawPassword(): string {
  return crypto.getRandomValues(new Uint8Array(18)).toHex();
}
