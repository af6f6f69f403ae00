const meshErrors = /^(ContractError|TrustError|ConflictError|UnavailableError|ConfigError|DefectError)$/;
const promise = /\b(TODO|FIXME|XXX|HACK)\b/;

/** Rules about words in code: error messages and comments. */
export const textRules: Readonly<Record<string, Deno.lint.Rule>> = {
  "error-text": {
    create(context) {
      return {
        NewExpression(node) {
          if (node.callee.type !== "Identifier" || !meshErrors.test(node.callee.name)) return;
          const [message] = node.arguments;
          const range = message === undefined ? undefined : beginningOf(message);
          if (range === undefined) return;
          const text = context.sourceCode.text.slice(...range).replace(/^["'`]/, "");
          if (/^Cannot [^.]/.test(text) && !/\.["'`]$/.test(context.sourceCode.text.slice(...message!.range))) return;
          context.report({
            node,
            message: 'An error says what was attempted and the state found: "Cannot <what>: <state>", no full stop',
          });
        },
      };
    },
  },
  "no-promises": {
    create(context) {
      return {
        Program(node) {
          for (const comment of node.comments) {
            if (!promise.test(comment.value)) continue;
            context.report({ range: comment.range, message: "What is not done is an issue, not a comment" });
          }
        },
      };
    },
  },
};

/** Where the text of a literal message begins; `undefined` if it comes from a variable or a call. */
function beginningOf(node: Deno.lint.Node): Deno.lint.Range | undefined {
  if (node.type === "BinaryExpression") return beginningOf(node.left);
  if (node.type === "TemplateLiteral") return node.range;
  return node.type === "Literal" && typeof node.value === "string" ? node.range : undefined;
}
