import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { type Clock, systemClock } from "@mesh/base";
import { Hono } from "hono";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import { mountControls } from "./controls.ts";
import { listen, serveHttp } from "./http_server.ts";
import { type Intake, openIntake } from "./intake.ts";
import { createMailBox, type MailBox } from "./mail_box.ts";
import { mailListPage, mailPage, noMailPage, pageSecurityPolicy } from "./mail_page.ts";
import { createSwitchboard, type Fate, type Switchboard, type Switches, switchesSchema } from "./switches.ts";

/** What the mail sink can be given; everything has a default. */
export interface MailSinkOptions {
  /** Where mail is taken; 0 (the default) takes a free port. */
  readonly smtpPort?: number;
  /** Where mail is shown; 0 (the default) takes a free port. */
  readonly pagePort?: number;
  /** The address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  readonly clock?: Clock;
  /** Returns a number in [0, 1), for `failRate`. */
  readonly random?: () => number;
  /** How many mails are shown; the oldest goes first. */
  readonly mailsMax?: number;
}

/** A running mail sink. Disposing it closes both ports and every open connection. */
export interface RunningMailSink extends AsyncDisposable {
  readonly smtpPort: number;
  readonly pagePort: number;
  /** `http://127.0.0.1:<pagePort>`, without a slash at the end. */
  readonly url: string;
}

/** More than any notice needs; a larger one is answered with 552. */
const mailMaxBytes = 256 * 1024;

/** RFC 5321 4.2.3: "local error in processing", a reply that a sender tries again after. */
const failStatusDefault = 451;

const mailSwitches = switchesSchema.extend({
  failStatus: switchesSchema.shape.failStatus.default(failStatusDefault),
});

/**
 * Starts the mail sink: takes every mail by SMTP, delivers none, and shows them.
 *
 * `GET /mails` is JSON (`?order=`, `?to=`), `GET /` a page to read. The switches of `/_simulator` act on each mail:
 * fails with 451, is taken late, is taken and the connection closed in place of the reply, is stored twice.
 *
 * @param options Ports, clock, randomness and how much is kept.
 * @returns The running sink.
 * @throws {ConfigError} If a port cannot be bound, for example because it is taken.
 */
export async function startMailSink(options: MailSinkOptions = {}): Promise<RunningMailSink> {
  const { clock = systemClock, random = Math.random } = options;
  const box = createMailBox(options.mailsMax);
  const switchboard = createSwitchboard(mailSwitches, random);
  const intake = openIntake(switchboard, clock);
  const smtp = await listenSmtp({ box, intake, clock }, options.smtpPort ?? 0, options.host);
  const app = pageApp(box, switchboard, intake);
  const page = await serveHttp(app.fetch, options.pagePort ?? 0, options.host).catch(async (error) => {
    await smtp.close();
    throw error;
  });
  return {
    smtpPort: smtp.port,
    pagePort: page.port,
    url: page.url,
    [Symbol.asyncDispose]: async () => {
      intake.close();
      await Promise.all([smtp.close(), page[Symbol.asyncDispose]()]);
    },
  };
}

interface Sink {
  readonly box: MailBox;
  readonly intake: Intake;
  readonly clock: Clock;
}

async function listenSmtp(
  sink: Sink,
  port: number,
  host: string | undefined,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  // By remote port, because a session does not give its socket, and a lost answer has to end it.
  const sockets = new Map<number, Socket>();
  const server = new SMTPServer({
    // A name and no reverse look-up: otherwise the server asks for the host's name and for DNS, which need more rights.
    name: "mail-sink.localhost",
    disableReverseLookup: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    size: mailMaxBytes,
    rejectOversized: true,
    onData: (stream, session, callback) => {
      takeMail(sink, stream, session).then((fate) => {
        if (fate.isAnswerLost) sockets.get(session.remotePort)?.destroy();
        else if (fate.failStatus === undefined) callback();
        else callback(Object.assign(new Error("The mail sink was told to fail"), { responseCode: fate.failStatus }));
      }, (error) => callback(error instanceof Error ? error : new Error(String(error))));
    },
  });
  // A client that goes away in the middle is what clients do; without a listener it would end the process.
  server.on("error", () => {});
  server.server.on("connection", (socket: Socket) => {
    const remotePort = socket.remotePort ?? 0;
    sockets.set(remotePort, socket);
    socket.once("close", () => sockets.delete(remotePort));
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets.values()) socket.destroy();
    });
  return { port: await listen(server.server, port, host), close };
}

async function takeMail(sink: Sink, stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Fate> {
  const { box, intake, clock } = sink;
  const chunks: string[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    // Past the limit the rest is read and dropped; the server answers 552 by itself.
    if (stream.byteLength <= mailMaxBytes) chunks.push(chunk.toString("latin1"));
  }
  const fate = intake.deal(true);
  if (fate.failStatus !== undefined || stream.sizeExceeded) return fate;
  const envelope = {
    from: session.envelope.mailFrom === false ? "" : session.envelope.mailFrom.address,
    to: session.envelope.rcptTo.map(({ address }) => address),
  };
  const raw = chunks.join("");
  box.store(raw, envelope, clock.nowMs());
  if (fate.isDuplicated) box.store(raw, envelope, clock.nowMs());
  await intake.holdBack(fate);
  if (fate.isAnswerLost) intake.count("answersLost");
  return fate;
}

function pageApp(box: MailBox, switchboard: Switchboard<Switches>, intake: Intake): Hono {
  const app = new Hono();
  mountControls(app, {
    switchboard,
    ledger: (orderId) => ({ ...box.ledger(orderId), requests: intake.counts() }),
    reset: () => {
      box.clear();
      intake.reset();
    },
  });
  app.use(async (c, next) => {
    await next();
    c.header("content-security-policy", pageSecurityPolicy);
    c.header("x-content-type-options", "nosniff");
    c.header("cache-control", "no-store");
  });
  const filterOf = (orderId: string | undefined, to: string | undefined) => ({
    ...(orderId === undefined ? {} : { orderId }),
    ...(to === undefined ? {} : { to }),
  });
  app.get("/mails", (c) => c.json({ mails: box.list(filterOf(c.req.query("order"), c.req.query("to"))) }));
  app.get("/", (c) => c.html(mailListPage(box.list().slice(0, 200))));
  app.get("/mails/:id{[0-9]+}", (c) => {
    const mail = box.find(Number(c.req.param("id")));
    return mail === undefined ? c.html(noMailPage(), 404) : c.html(mailPage(mail));
  });
  return app;
}
