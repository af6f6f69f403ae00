/**
 * Simulators of the external parties, for tests and for development.
 *
 * @module
 */
export { startCarrier, undeliverablePostcode } from "./carrier.ts";
export type { RunningServer } from "./http_server.ts";
export type { SimulatorOptions } from "./intake.ts";
export type { Mail } from "./mail_box.ts";
export { type MailMessage, parseMail } from "./mail_message.ts";
export { type MailSinkOptions, type RunningMailSink, startMailSink } from "./mail_sink.ts";
export type { OrderLedger } from "./payment_books.ts";
export { type PaymentSwitches, startPaymentProvider } from "./payment_provider.ts";
export type { Switches } from "./switches.ts";
