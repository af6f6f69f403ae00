import { sourcePathOf } from "./source_path.ts";

interface Ban {
  /** `object.property`, or a bare function name. */
  readonly name: string;
  readonly instead: string;
}

const bansOfTimeAndChance: readonly Ban[] = [
  { name: "Date.now", instead: "a Clock from @mesh/base" },
  { name: "performance.now", instead: "a Clock from @mesh/base" },
  { name: "setTimeout", instead: "Clock.delay from @mesh/base" },
  { name: "setInterval", instead: "Clock.delay from @mesh/base" },
  { name: "Math.random", instead: "a parameter that returns a number in [0, 1)" },
  { name: "crypto.randomUUID", instead: "an IdSource from @mesh/base" },
  { name: "Deno.env", instead: "a record of strings read in main.ts" },
];

/** Rules against reaching for the world where a parameter belongs. */
export const ambientRules: Readonly<Record<string, Deno.lint.Rule>> = {
  "no-ambient": {
    create(context) {
      const { path, isTest, isMain } = sourcePathOf(context.filename);
      if (isTest || isMain || /^(shared\/(base|testing)|deploy\/dev)\//.test(path)) return {};
      const report = (node: Deno.lint.Node, { name, instead }: Ban) =>
        context.report({ node, message: `${name} makes this code depend on the moment it runs; take ${instead}` });
      return {
        MemberExpression(node) {
          const ban = bansOfTimeAndChance.find(({ name }) => name === nameOf(node));
          if (ban !== undefined) report(node, ban);
        },
        CallExpression(node) {
          const ban = bansOfTimeAndChance.find(({ name }) => !name.includes(".") && name === nameOf(node.callee));
          if (ban !== undefined) report(node, ban);
        },
        NewExpression(node) {
          if (nameOf(node.callee) !== "Date" || node.arguments.length > 0) return;
          report(node, { name: "new Date()", instead: "a Clock from @mesh/base" });
        },
      };
    },
  },
  "no-nack": banCalls(
    /\.nack(All)?$/,
    () => false,
    "nack does not count towards the delivery limit on RabbitMQ 4.3: the message would loop for ever; use reject",
  ),
  "no-exit": banCalls(
    /^(Deno|process)\.exit$/,
    ({ path, isTest, isMain }) => isTest || isMain || /^(deploy|shared\/runtime)\//.test(path),
    "Only the process's own main file, the supervisor and the runtime end a process; throw instead",
  ),
  "no-console": banCalls(
    /^console\./,
    ({ path, isTest, isMain }) => isTest || isMain || /^(deploy|shared\/(cli|telemetry))\//.test(path),
    "Log through @mesh/telemetry: lines on the console have no trace id and no redaction",
  ),
  "no-call-out-in-transaction": {
    create(context) {
      let depth = 0;
      const isTransaction = (node: Deno.lint.CallExpression) => /\.begin$/.test(nameOf(node.callee));
      return {
        CallExpression(node) {
          if (isTransaction(node)) depth += 1;
          if (depth > 0 && nameOf(node.callee) === "fetch") {
            context.report({
              node,
              message: "A call to the outside inside a transaction holds locks for as long as the other side likes",
            });
          }
        },
        "CallExpression:exit"(node) {
          if (isTransaction(node)) depth -= 1;
        },
      };
    },
  },
};

function banCalls(
  pattern: RegExp,
  isAllowed: (source: ReturnType<typeof sourcePathOf>) => boolean,
  message: string,
): Deno.lint.Rule {
  return {
    create(context) {
      if (isAllowed(sourcePathOf(context.filename))) return {};
      return {
        CallExpression(node) {
          if (pattern.test(nameOf(node.callee))) context.report({ node, message });
        },
      };
    },
  };
}

/** Writes `a.b` or `name`; a receiver that is no plain name becomes the empty string, as in `.b`. */
function nameOf(node: Deno.lint.Node): string {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "MemberExpression") return "";
  const property = node.property.type === "Identifier" && !node.computed ? node.property.name : "";
  return `${nameOf(node.object)}.${property}`;
}
