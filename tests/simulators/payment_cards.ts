/** Why a card did not do what was asked, in Stripe's words. */
export interface CardFailure {
  readonly code: string;
  readonly declineCode?: string;
  readonly message: string;
}

/** What a test card does at each step. */
export interface TestCard {
  /** `hangs`: the answer takes as long as the switch `slowCardMs` says. */
  readonly authorize: "succeeds" | "hangs" | CardFailure;
  readonly capture: "succeeds" | CardFailure;
  /** The step that is done and whose first answer is lost. */
  readonly losesAnswerOf?: "authorize" | "capture" | "cancel";
}

const good: TestCard = { authorize: "succeeds", capture: "succeeds" };

const declined = (declineCode: string, message: string): CardFailure => ({
  code: "card_declined",
  declineCode,
  message,
});

/** The payment methods that exist. Names that Stripe has too mean the same there (its page "Testing"). */
const cards: Readonly<Record<string, TestCard>> = {
  pm_card_visa: good,
  pm_card_mastercard: good,
  pm_card_chargeDeclined: { ...good, authorize: declined("generic_decline", "Your card was declined.") },
  pm_card_chargeDeclinedInsufficientFunds: {
    ...good,
    authorize: declined("insufficient_funds", "Your card has insufficient funds."),
  },
  pm_card_authenticationRequired: {
    ...good,
    authorize: { code: "authentication_required", message: "This payment requires the customer to authenticate." },
  },
  pm_card_slow: { ...good, authorize: "hangs" },
  pm_card_captureDeclined: { ...good, capture: declined("generic_decline", "The capture was declined.") },
  pm_card_lostAnswer: { ...good, losesAnswerOf: "authorize" },
  pm_card_captureLostAnswer: { ...good, losesAnswerOf: "capture" },
  pm_card_cancelLostAnswer: { ...good, losesAnswerOf: "cancel" },
};

/** @returns The card with this payment method id, or `undefined` if there is none. */
export function findCard(paymentMethod: string): TestCard | undefined {
  return Object.hasOwn(cards, paymentMethod) ? cards[paymentMethod] : undefined;
}
