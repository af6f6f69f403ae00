/**
 * The house style as lint rules: import direction, purity, size, names, words. Loaded by `deno lint` through
 * `lint.plugins` in deno.json. A justified exception is written on its line: `// deno-lint-ignore mesh/<rule>`.
 *
 * @module
 */
import { ambientRules } from "./ambient_rules.ts";
import { importRules } from "./import_rules.ts";
import { shapeRules } from "./shape_rules.ts";
import { textRules } from "./text_rules.ts";

const plugin: Deno.lint.Plugin = {
  name: "mesh",
  rules: { ...importRules, ...ambientRules, ...shapeRules, ...textRules },
};

export default plugin;
