/**
 * What notifications says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
import { OrderConfirmed, OrderRejected } from "@shop/orders";
import { NoticeRefused, NoticeRequested, NoticeSent } from "./contract.ts";

export const service = defineService({
  name: "notifications",
  purpose: "one notice to the customer per order and kind",
  accepts: [],
  publishes: [NoticeRequested, NoticeSent, NoticeRefused],
  sends: [],
  subscribes: [{ event: OrderConfirmed, by: "key" }, { event: OrderRejected, by: "key" }],
  calls: ["users"],
  commandsItself: true,
  external: [{ name: "mail", urlVariable: "SMTP_URL" }],
  variables: ["MAIL_FROM"],
  internalPort: 9107,
});
