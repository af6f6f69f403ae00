import { RefusalError } from "../refusal.ts";
import type { GatewayMiddleware } from "../route_table.ts";

/** Methods that the shop speaks; TRACE and CONNECT are refused by name, whatever a route would say. */
const allowed = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

/** Refuses methods that nobody needs, before anything is looked at. */
export const refuseMethods: GatewayMiddleware = async (context, next) => {
  if (!allowed.includes(context.req.method)) {
    throw new RefusalError(
      { status: 405, type: "method-not-allowed", title: "This method is not spoken here" },
      { headers: { allow: allowed.join(", ") } },
    );
  }
  await next();
};
