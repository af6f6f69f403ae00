import { z } from "@hono/zod-openapi";

/** A problem document (RFC 9457). */
export const ProblemDocument = z.object({
  type: z.string().openapi({ description: "A stable URN: `urn:jangteo:problem:<word>`" }),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional().openapi({ description: "The trace, where there is one" }),
  errors: z.array(z.object({
    pointer: z.string().openapi({ description: "JSON pointer into the body, or into what `in` says" }),
    detail: z.string(),
    in: z.enum(["query", "path", "header"]).optional(),
  })).optional(),
}).openapi("Problem");

/** What each status means here, for the document. */
export const problemDescriptions: Readonly<Record<number, string>> = {
  400: "The request is not as described",
  401: "There is no valid access token",
  403: "The token does not allow this",
  404: "There is nothing here, or it is somebody else's",
  409: "It cannot be done as things stand",
  412: "It has changed since it was read",
  413: "The body is larger than 64 KiB",
  415: "The body is not application/json",
  422: "It is understood and cannot be accepted",
  429: "Too many requests; see Retry-After",
  503: "Something needed is away, or too much is waiting; see Retry-After",
};
