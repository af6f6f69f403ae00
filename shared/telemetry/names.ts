/**
 * Every span attribute and metric name of the mesh, in one place, because the messaging conventions of OpenTelemetry are
 * still "in development": a rename there is one diff here.
 *
 * @see OpenTelemetry semantic conventions 1.44, messaging
 */
export const attributes = Object.freeze({
  messagingSystem: "messaging.system",
  operationType: "messaging.operation.type",
  operationName: "messaging.operation.name",
  destinationName: "messaging.destination.name",
  partitionId: "messaging.destination.partition.id",
  routingKey: "messaging.rabbitmq.destination.routing_key",
  messageId: "messaging.message.id",
  conversationId: "messaging.message.conversation_id",
  service: "service.name",
  errorType: "error.type",
  /** Key of the actor that a message is for; a pseudonym or a business number, never personal data. */
  actorKey: "mesh.actor.key",
  messageType: "mesh.message.type",
});

/** Names of metrics; the unit is in the name, as Prometheus asks for. */
export const metricNames = Object.freeze({
  processDuration: "messaging_process_duration_seconds",
  sentMessages: "messaging_client_sent_messages_total",
  consumedMessages: "messaging_client_consumed_messages_total",
  turnDuration: "mesh_turn_duration_seconds",
  turnMessages: "mesh_turn_messages",
  effectDuration: "mesh_effect_duration_seconds",
  refusedMessages: "mesh_refused_messages_total",
  backlogMessages: "mesh_publisher_backlog_messages",
  storeUp: "mesh_store_up",
  outboxMessages: "mesh_outbox_messages",
  outboxOldestAge: "mesh_outbox_oldest_age_seconds",
  outboxNeedsAttention: "mesh_outbox_needs_attention_messages",
  deadLetters: "mesh_dead_letters",
  closedLanes: "mesh_lanes_closed",
  parkedMessages: "mesh_parked_messages",
  openEffects: "mesh_effects_open",
  effectOldestAge: "mesh_effect_oldest_age_seconds",
  timers: "mesh_timers",
  inboxDaysAhead: "mesh_inbox_partition_days_ahead",
});

/** Value of `messaging.system`. */
export const messagingSystem = "rabbitmq";
