import type { z } from "zod";
import type { Acted, Actor } from "./actor_access.ts";
import { plain, table } from "./terminal.ts";
import { dateTime, duration } from "./times.ts";

type ActorView = z.output<typeof Actor>;
type Explained = NonNullable<ActorView["explanation"]>;

/** Tells what an actor waits for, how often it has asked, what comes next, and what may be done about it. */
export function actorText({ stream, version, timer, dueAtMs, unanswered, explanation }: ActorView): string {
  const wakes = timer === null
    ? "no timer is set"
    : timer.firedAtMs === null
    ? dateTime(timer.wakesAtMs)
    : `${dateTime(timer.wakesAtMs)}, fired ${dateTime(timer.firedAtMs)} and not handled yet`;
  const lines = [
    ["stream", `${stream}, version ${version}`],
    ...(explanation === null ? [] : standing(explanation)),
    ["due", dueAtMs === null ? "never: only a message can move it" : dateTime(dueAtMs)],
    ["then", explanation === null ? "the actor decides" : explanation.deadline?.then ?? "nothing by itself"],
    ["wakes", wakes],
  ];
  return [
    lines.map(([name = "", value = ""]) => `${`${name}:`.padEnd(10)}${plain(value)}`).join("\n"),
    ...(explanation === null || explanation.waits.length === 0 ? [] : ["", waitsText(explanation, unanswered)]),
    ...(explanation === null ? [] : ["", actsText(explanation.acts)]),
  ].join("\n");
}

function standing(
  { phase, step, needsAttention, sinceMs, shiftMs }: Explained,
): readonly (readonly [string, string])[] {
  const moved = shiftMs === 0 ? "" : `, moved by ${signed(shiftMs)}`;
  return [
    ["phase", `${phase}${step === null ? "" : `, ${step}`}${needsAttention ? ", NEEDS ATTENTION" : ""}`],
    ["since", `${dateTime(sinceMs)}${moved}`],
  ];
}

function signed(ms: number): string {
  return `${ms < 0 ? "-" : "+"}${duration(Math.abs(ms))}`;
}

function waitsText({ waits }: Explained, unanswered: ActorView["unanswered"]): string {
  return table(
    ["WAITS FOR", "LINE", "COMMAND", "KEY", "ATTEMPT", "SENT", "NEXT", "ID"],
    waits.map(({ step, line, direction, command, key, attempt, retryAtMs, expiresAtMs, id }) => {
      const row = unanswered.find(({ messageId }) => messageId === id);
      const again = retryAtMs ?? row?.nextAtMs;
      const expiry = expiresAtMs === undefined ? "" : `, expires ${dateTime(expiresAtMs)}`;
      return [
        direction === "undo" ? `undo ${step}` : step,
        String(line),
        command,
        key ?? "",
        String(attempt),
        row === undefined ? "" : String(row.sentCount),
        (again === undefined ? "" : dateTime(again)) + expiry,
        id,
      ];
    }),
  );
}

function actsText(acts: Explained["acts"]): string {
  return table(
    ["ACT", "NOW"],
    Object.entries(acts).map(([name, refusal]) => [name, refusal === null ? "possible" : `no: ${refusal}`]),
  );
}

/** Tells what an act came to. */
export function actedText(what: string, { stream, dueAtMs, explanation, isRepeat, id }: Acted): string {
  const where = explanation === null
    ? ""
    : `: ${explanation.phase}${explanation.step === null ? "" : `, ${explanation.step}`}`;
  const due = dueAtMs === null ? "no deadline" : `due ${dateTime(dueAtMs)}`;
  return plain(`${isRepeat ? "done before" : what}, act ${id}, ${stream}${where}, ${due}`);
}
