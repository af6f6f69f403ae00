/** What one service has written down. */
export interface ServiceBook {
  readonly service: string;
  /** Events by type. */
  readonly events: Readonly<Record<string, number>>;
  /** Sagas whose last event says that they are completed; 0 but for the orchestrator. */
  readonly completed: number;
  /** Envelopes that wait to be published or answered. */
  readonly outbox: number;
  readonly deadLetters: number;
}

/** Events that one saga leaves behind, by type. */
export const eventsPerSaga: Readonly<Record<string, number>> = {
  "inventory.reserved": 1,
  "payment.authorized": 1,
  "payment.captured": 1,
  "shipping.shipped": 1,
  // Started, and one turn for each of four answers.
  "orchestrator.saga-advanced": 5,
};

/**
 * Compares what was written down with what so many sagas leave behind.
 *
 * @returns What is wrong; empty when all is as it must be.
 */
export function faultsOfMesh(books: readonly ServiceBook[], sagas: number): readonly string[] {
  const events: Record<string, number> = Object.assign({}, ...books.map((book) => book.events));
  const types = new Set([...Object.keys(events), ...Object.keys(eventsPerSaga)]);
  const miscounted = [...types].filter((type) => (events[type] ?? 0) !== (eventsPerSaga[type] ?? 0) * sagas);
  const completed = books.reduce((sum, book) => sum + book.completed, 0);
  return [
    ...miscounted.map((type) => `${events[type] ?? 0} times ${type} after ${sagas} sagas`),
    ...(completed === sagas ? [] : [`${completed} of ${sagas} sagas are completed`]),
    ...books.flatMap(({ service, outbox, deadLetters }) => [
      ...(outbox === 0 ? [] : [`${outbox} envelopes are left in the outbox of ${service}`]),
      ...(deadLetters === 0 ? [] : [`${deadLetters} dead letters of ${service}`]),
    ]),
  ];
}
