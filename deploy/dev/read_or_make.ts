/**
 * Reads a secret file, making it first if there is none. A file that was half written when the process died is made
 * again: it only gets its name when it is whole.
 *
 * @param make Makes the content.
 */
export async function readOrMake(path: string, make: () => string | Promise<string>): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const text = await make();
    await Deno.writeTextFile(`${path}.new`, text, { mode: 0o600 });
    await Deno.rename(`${path}.new`, path);
    return text;
  }
}
