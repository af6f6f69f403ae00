/** Source files of the project, by what the gate does with them; paths are relative to the root and sorted. */
export interface SourceFiles {
  /** Unit tests that run with no permission at all. */
  readonly pureTests: readonly string[];
  /** Tests over files of the repository (laws, manifests, lint rules, documents): they may read it. */
  readonly readingTests: readonly string[];
  /** Tests against a real broker or database. */
  readonly integrationTests: readonly string[];
  /** Tests of the whole shop. */
  readonly endToEndTests: readonly string[];
  /** Modules with examples in their doc comments. */
  readonly withExamples: readonly string[];
  /** Public faces of packages, whose docs must be complete. */
  readonly publicModules: readonly string[];
}

const foldersOfCode = ["shared", "services", "deploy", "tests", "bench"];

/**
 * Sorts every TypeScript file by its suffix, which says what a test may cost, and by its folder.
 *
 * @param root Root of the repository.
 */
export async function findSourceFiles(root: string): Promise<SourceFiles> {
  const files: string[] = [];
  for (const folder of foldersOfCode) await collect(root, folder, files);
  files.sort();
  const tests = files.filter((path) => path.endsWith("_test.ts"));
  const unitTests = tests.filter((path) => !/_(int|e2e)_test\.ts$/.test(path));
  const modules = files.filter((path) => !path.endsWith("_test.ts") && !path.startsWith("tests/fresh/"));
  return {
    pureTests: unitTests.filter((path) => !mayRead(path)),
    readingTests: unitTests.filter(mayRead),
    integrationTests: tests.filter((path) => path.endsWith("_int_test.ts")),
    endToEndTests: tests.filter((path) => path.endsWith("_e2e_test.ts")),
    withExamples: await filterByText(root, modules, /^\s*\* ```ts/m),
    publicModules: modules.filter((path) => /^(shared\/.*\/mod|services\/[^/]+\/contract)\.ts$/.test(path)),
  };
}

function mayRead(path: string): boolean {
  return /^(tests\/(laws|lint|gate|docs|manifests)|deploy)\//.test(path);
}

async function collect(root: string, folder: string, files: string[]): Promise<void> {
  for await (const entry of Deno.readDir(`${root}/${folder}`)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory && entry.name !== "node_modules") await collect(root, path, files);
    if (entry.isFile && entry.name.endsWith(".ts")) files.push(path);
  }
}

async function filterByText(root: string, paths: readonly string[], pattern: RegExp): Promise<string[]> {
  const texts = await Promise.all(paths.map((path) => Deno.readTextFile(`${root}/${path}`)));
  return paths.filter((_path, index) => pattern.test(texts[index] ?? ""));
}
