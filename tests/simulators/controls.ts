import type { Hono } from "hono";
import { z } from "zod";
import type { Switchboard, Switches } from "./switches.ts";

/** What a simulator shows and lets be changed under `/_simulator`. */
export interface Controls<S extends Switches> {
  readonly switchboard: Switchboard<S>;
  /** What was really done, by order; `orderId` narrows it to one. */
  readonly ledger: (orderId?: string) => unknown;
  /** Forgets everything that was done. */
  readonly reset: () => void;
}

/**
 * Adds the control routes: `GET` and `PUT /_simulator/switches`, `GET /_simulator/ledger?order=`,
 * `DELETE /_simulator/state`.
 *
 * @param app The app of the simulator.
 * @param controls What the routes act on.
 */
export function mountControls<S extends Switches>(app: Hono, controls: Controls<S>): void {
  const { switchboard, ledger, reset } = controls;
  app.get("/_simulator/switches", (c) => c.json(switchboard.read()));
  app.put("/_simulator/switches", async (c) => {
    const input = await c.req.json().catch(() => undefined);
    try {
      return c.json(switchboard.replace(input));
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      return c.json({ error: z.prettifyError(error) }, 400);
    }
  });
  app.get("/_simulator/ledger", (c) => c.json(ledger(c.req.query("order")) as Record<string, unknown>));
  app.delete("/_simulator/state", (c) => {
    reset();
    return c.body(null, 204);
  });
}
