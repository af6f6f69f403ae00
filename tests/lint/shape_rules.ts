import { sourcePathOf } from "./source_path.ts";

type FunctionNode = Deno.lint.FunctionDeclaration | Deno.lint.FunctionExpression | Deno.lint.ArrowFunctionExpression;

/** Every language has its wall: a file of more lines, or a function that fits no screen, is split. */
export const fileLinesMax = 400;
export const functionLinesMax = 70;
/** Two arguments plus options. */
const parametersMax = 3;

const bannedFileNames = /\/(utils?|helpers?|common|types|constants|misc|index)\.ts$/;

/** Rules about the shape of a file: names, sizes, and language features that the house does without. */
export const shapeRules: Readonly<Record<string, Deno.lint.Rule>> = {
  "file-name": {
    create(context) {
      return {
        Program(node) {
          const { path } = sourcePathOf(context.filename);
          if (!/(^|\/)[a-z0-9_]+\.tsx?$/.test(path)) context.report({ node, message: "File names are snake_case" });
          if (bannedFileNames.test(path)) {
            context.report({ node, message: "A file is named after the one idea in it, not after what is left over" });
          }
        },
      };
    },
  },
  "file-size": {
    create(context) {
      return {
        Program(node) {
          const lineCount = context.sourceCode.text.trimEnd().split("\n").length;
          if (lineCount <= fileLinesMax) return;
          context.report({
            node,
            message: `A file of ${lineCount} lines holds more than one idea; the wall is ${fileLinesMax}`,
          });
        },
      };
    },
  },
  "function-size": {
    create(context) {
      // Suites list their cases inside one function.
      if (sourcePathOf(context.filename).isTest) return {};
      const visit = (node: FunctionNode) => {
        const lineCount = context.sourceCode.text.slice(...node.range).split("\n").length;
        if (lineCount <= functionLinesMax) return;
        context.report({
          node,
          message: `A function of ${lineCount} lines fits no screen; the wall is ${functionLinesMax}`,
        });
      };
      return { FunctionDeclaration: visit, FunctionExpression: visit, ArrowFunctionExpression: visit };
    },
  },
  "parameter-count": {
    create(context) {
      return {
        ExportNamedDeclaration(node) {
          const { declaration } = node;
          if (declaration?.type !== "FunctionDeclaration" || declaration.params.length <= parametersMax) return;
          context.report({ node, message: "An exported function takes at most two arguments and options" });
        },
      };
    },
  },
  "class-purpose": {
    create(context) {
      return {
        ClassDeclaration(node) {
          const isError = node.superClass?.type === "Identifier" && node.superClass.name.endsWith("Error");
          const ownsState = node.body.body.some((member) => "key" in member && member.key.type === "PrivateIdentifier");
          if (isError || ownsState) return;
          context.report({
            node,
            message: "Classes are for errors and for owners of a resource (#private); use data and functions",
          });
        },
      };
    },
  },
  "no-module-state": {
    create(context) {
      // A test file sets up what its cases share before all of them, which only a variable can hold.
      if (sourcePathOf(context.filename).isTest) return {};
      return {
        VariableDeclaration(node) {
          const canChange = node.kind === "let" || node.kind === "var";
          if (!canChange || node.parent.type !== "Program") return;
          context.report({
            node,
            message: "A module has no state of its own: two users of it would share it unknowingly",
          });
        },
      };
    },
  },
  "no-default-export": banNode("ExportDefaultDeclaration", "Exports have names", /^tests\/lint\/mesh_lint\.ts$/),
  "no-export-star": banNode("ExportAllDeclaration", "A public face lists what it exports"),
  "no-enum": banNode("TSEnumDeclaration", "A union of strings is data; an enum is not"),
  "no-decorator": banNode("Decorator", "Registration is written where it happens, not hidden in a decorator"),
};

function banNode(type: Deno.lint.Node["type"], message: string, exception?: RegExp): Deno.lint.Rule {
  return {
    create(context) {
      if (exception?.test(sourcePathOf(context.filename).path)) return {};
      return { [type]: (node: Deno.lint.Node) => context.report({ node, message }) };
    },
  };
}
