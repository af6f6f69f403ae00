/** Variable that marks every process of one run; children inherit it. */
export const runMark = "MESH_TEST_RUN";

/**
 * Lists processes that a run left behind, with their command lines.
 *
 * @param mark Value of `MESH_TEST_RUN` in that run.
 * @returns Empty where there is no `/proc`.
 */
export function leftoversOf(mark: string): readonly { readonly pid: number; readonly command: string }[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === Deno.pid) return [];
    const variables = readProc(pid, "environ").split("\0");
    if (!variables.includes(`${runMark}=${mark}`)) return [];
    return [{ pid, command: readProc(pid, "cmdline").replaceAll("\0", " ").slice(0, 200) }];
  });
}

function readProc(pid: number, file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    // It ended, or belongs to another account.
    return "";
  }
}
