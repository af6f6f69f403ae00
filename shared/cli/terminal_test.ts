import { strictEqual as assertSame } from "node:assert/strict";
import { plain, table } from "./terminal.ts";

Deno.test("text from elsewhere cannot move the cursor, recolour, or turn what stands on the screen", () => {
  assertSame(plain("ok\u001b[2J\r\n\u202egnp.exe"), "ok\\u{1b}[2J\\u{d}\\u{a}\\u{202e}gnp.exe");
  assertSame(plain("차 3,000 € ✔ → …"), "차 3,000 € ✔ → …");
  assertSame(table(["A"], [["x\ty"]]), "A\nx\\u{9}y");
});
