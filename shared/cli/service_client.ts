import { errorText } from "@mesh/base";
import type { z } from "zod";
import { CliError, type ExitCode, exitCodes } from "./exit_codes.ts";

/** Sends one HTTP request; `fetch` of the process, or a double. */
export type Send = (url: string, init: RequestInit) => Promise<Response>;

/** A service as commands know it. */
export interface ServiceAddress {
  readonly name: string;
  /** Base URL of its internal port. */
  readonly url: string;
}

/** What a request needs. */
export interface Call<S extends z.ZodType> {
  readonly url: string;
  /** For messages: the service's name. */
  readonly target: string;
  /** What to make of the answer. */
  readonly schema: S;
  readonly send: Send;
  readonly token?: string;
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: unknown;
}

/** Longest wait for an answer, in milliseconds: what operators ask for takes a second at most. */
const answerWithinMs = 15_000;

/**
 * Asks a service something.
 *
 * @returns Its answer, as the schema reads it.
 * @throws {CliError} If it is not there, refuses, or answers something else; the message says what to do about it.
 */
export async function call<S extends z.ZodType>(request: Call<S>): Promise<z.output<S>> {
  const { target, url, schema } = request;
  const response = await send(request);
  const text = await response.text();
  if (!response.ok) throw refusalOf(target, response.status, text);
  const parsed = schema.safeParse(text === "" ? undefined : jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new CliError(exitCodes.failed, `Cannot understand ${target} at ${url}: is it of another version?`);
}

async function send<S extends z.ZodType>({ url, target, send, token, method = "GET", body }: Call<S>) {
  try {
    return await send(url, {
      method,
      headers: {
        accept: "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerWithinMs),
      redirect: "error",
    });
  } catch (error) {
    const { origin } = new URL(url);
    const state = error instanceof DOMException ? `no answer within ${answerWithinMs / 1000} s` : rootOf(error);
    throw new CliError(exitCodes.unavailable, `Cannot reach ${target} at ${origin}: ${state}. Is the shop running?`, {
      cause: error,
    });
  }
}

/** What `fetch` throws says the cause last, after the whole way that led to it. */
function rootOf(error: unknown): string {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  const text = errorText(root).split("\n")[0] ?? "";
  return text.slice(text.lastIndexOf(": ") + 1).trim();
}

function refusalOf(target: string, status: number, text: string): CliError {
  const problem = jsonOf(text) as { title?: unknown; detail?: unknown } | undefined;
  const said = [problem?.title, problem?.detail].filter((one) => typeof one === "string").join(": ");
  const advice = status === 401 ? ". Log in (again) with: mesh login" : "";
  return new CliError(codeOf(status), `Cannot do that at ${target}: ${said || `it answers ${status}`}${advice}`);
}

function codeOf(status: number): ExitCode {
  switch (status) {
    case 400:
      return exitCodes.usage;
    case 401:
    case 403:
      return exitCodes.notAllowed;
    case 404:
      return exitCodes.notFound;
    case 429:
    case 502:
    case 503:
    case 504:
      return exitCodes.unavailable;
    default:
      return exitCodes.failed;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
