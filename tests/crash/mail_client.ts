import nodemailer from "nodemailer";

/**
 * Makes the mail library say when it sends.
 *
 * @param tell Hears of every mail before it is sent, and once the server has taken it.
 */
export function plantAtMail(tell: (moment: "before" | "after") => void): void {
  const { createTransport } = nodemailer;
  nodemailer.createTransport = ((options: never) => {
    const transport = createTransport(options);
    const { sendMail } = transport as unknown as { sendMail: (mail: unknown) => Promise<unknown> };
    return Object.assign(transport, {
      sendMail: async (mail: unknown) => {
        tell("before");
        const sent = await sendMail.call(transport, mail);
        tell("after");
        return sent;
      },
    });
  }) as typeof createTransport;
}
