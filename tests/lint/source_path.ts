/** Path of a source file and what kind of file it is, as far as rules care. */
export interface SourcePath {
  /** Relative to the root of the repository, for example `shared/broker/amqp_broker.ts`. */
  readonly path: string;
  /** Workspace member that it belongs to, for example `shared/broker`. */
  readonly member: string;
  /** Tests, fixtures, conformance suites and what lies in `tests/` and `bench/`. */
  readonly isTest: boolean;
  /** The file of a process that wires everything up and alone may reach for the outside. */
  readonly isMain: boolean;
}

const root = new URL("../..", import.meta.url).pathname;

/** Reads the file name that the linter gives to a rule: absolute, or relative in tests of the rules. */
export function sourcePathOf(fileName: string): SourcePath {
  const path = fileName.startsWith(root) ? fileName.slice(root.length) : fileName.replace(/^\.\//, "");
  const parts = path.split("/");
  const isMember = parts[0] === "shared" || parts[0] === "services";
  return {
    path,
    member: parts.slice(0, isMember ? 2 : 1).join("/"),
    isTest: /_(test|conformance|fixture)\.ts$/.test(path) || /^(tests|bench)\//.test(path),
    isMain: path.endsWith("/main.ts"),
  };
}
