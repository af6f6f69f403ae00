import { html } from "hono/html";
import type { Mail } from "./mail_box.ts";

/** Markup that Hono can answer with; every value in it was escaped. */
export type Markup = ReturnType<typeof html>;

/** The pages carry one inline style sheet and nothing else: no script, no image, no request to anywhere. */
export const pageSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** @returns The page that lists mails; `mails` come newest first. */
export function mailListPage(mails: readonly Mail[]): Markup {
  const rows = mails.map((mail) =>
    html`
      <tr>
        <td><time datetime="${mail.receivedAt}">${readableTime(mail.receivedAt)}</time></td>
        <td>${mail.to.join(", ")}</td>
        <td><a href="/mails/${mail.id}">${mail.subject || "(no subject)"}</a></td>
      </tr>
    `
  );
  const table = html`
    <table>
      <thead>
        <tr>
          <th scope="col">Received (UTC)</th>
          <th scope="col">To</th>
          <th scope="col">Subject</th>
        </tr>
      </thead>
      <tbody>${rows}</tbody>
    </table>
  `;
  return page(
    "Mails",
    mails.length === 0
      ? html`<p>No mail has arrived yet. Place an order, then load this page again.</p>`
      : html`<p>${mails.length} shown, newest first. <a href="/mails">As JSON</a></p>${table}`,
  );
}

/** @returns The page of one mail. */
export function mailPage(mail: Mail): Markup {
  return page(
    mail.subject || "(no subject)",
    html`
      <p><a href="/">All mails</a></p>
      <dl>
        <dt>From</dt>
        <dd>${mail.from}</dd>
        <dt>To</dt>
        <dd>${mail.to.join(", ")}</dd>
        <dt>Received</dt>
        <dd>${readableTime(mail.receivedAt)} UTC</dd>
        <dt>Message-ID</dt>
        <dd>${mail.messageId}</dd>
      </dl>
      <pre>${mail.text}</pre>
    `,
  );
}

/** @returns The page for a mail that is not there. */
export function noMailPage(): Markup {
  return page("No such mail", html`<p>It may have been dropped to make room. <a href="/">All mails</a></p>`);
}

function page(title: string, content: Markup): Markup {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title} - mail sink</title>
        <style>
      :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
      body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
      table { width: 100%; border-collapse: collapse; }
      th, td { text-align: left; padding: .5rem; border-bottom: 1px solid #8886; overflow-wrap: anywhere; }
      dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
      dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
      pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid #8886; border-radius: .25rem; }
    </style>
      </head>
      <body>
    <h1>${title}</h1>
    ${content}
      </body>
    </html>
  `;
}

function readableTime(receivedAt: string): string {
  return receivedAt.slice(0, 19).replace("T", " ");
}
