import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import type { AnyCommand } from "@mesh/contract";
import { behaviourOf, type DecisionContext, type Outgoing } from "@mesh/actor";
import { users } from "./actor.ts";
import {
  AddAddress,
  AddressAdded,
  ChangeRole,
  CustomerRegistered,
  EndSession,
  RefreshReuseDetected,
  RegisterCustomer,
  RegistrationRepeated,
  ReportRefreshReuse,
  RoleChanged,
  SessionEnded,
  SessionStarted,
  StartSession,
} from "./contract.ts";

const customerId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0001";
const sessionId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0002";
const addressRef = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0003";
const registered = CustomerRegistered({ customerId, role: "customer" });

Deno.test("users registers an account it has not seen", () => {
  assertEquals(decide([], RegisterCustomer({ customerId, role: "staff" })), [
    CustomerRegistered({ customerId, role: "staff" }),
  ]);
});

Deno.test("users answers a repeated registration without changing the role", () => {
  const repeated = RegistrationRepeated({ customerId });
  assertEquals(decide([registered], RegisterCustomer({ customerId, role: "operator" })), [repeated]);
  assertEquals(fold([registered, repeated]), { role: "customer" });
});

Deno.test("users answers every command about a registered account with one event", () => {
  const commands: AnyCommand[] = [
    StartSession({ customerId, sessionId }),
    EndSession({ customerId, sessionId }),
    ReportRefreshReuse({ customerId, sessionId }),
    AddAddress({ customerId, addressRef }),
    ChangeRole({ customerId, role: "staff" }),
  ];
  assertEquals(commands.flatMap((command) => decide([registered], command)), [
    SessionStarted({ customerId, sessionId }),
    SessionEnded({ customerId, sessionId }),
    RefreshReuseDetected({ customerId, sessionId }),
    AddressAdded({ customerId, addressRef }),
    RoleChanged({ customerId, role: "staff" }),
  ]);
});

Deno.test("users keeps nothing of sessions and addresses in an account's state", () => {
  const history = [
    registered,
    SessionStarted({ customerId, sessionId }),
    AddressAdded({ customerId, addressRef }),
    RefreshReuseDetected({ customerId, sessionId }),
    SessionEnded({ customerId, sessionId }),
    RoleChanged({ customerId, role: "auditor" }),
  ];
  assertEquals(fold(history), { role: "auditor" });
});

Deno.test("users calls a session of an account that nobody registered a defect", () => {
  assertThrows(() => decide([], StartSession({ customerId, sessionId })), { code: "defect" });
});

type History = readonly { readonly type: string; readonly version: number; readonly data: unknown }[];
const behaviour = behaviourOf(users);

function fold(history: History) {
  return history.reduce((state, event) => behaviour.evolve(state, event), behaviour.initialState(customerId));
}

function decide(history: History, command: AnyCommand): readonly Outgoing[] {
  const received = { ...command, id: sessionId, correlation: sessionId, re: [], recordedAtMs: 0 };
  const context: DecisionContext = {
    now: new Date(0),
    messageId: sessionId,
    correlation: sessionId,
    issuer: "users",
    newId: () => addressRef,
  };
  return behaviour.decide(fold(history), received, context);
}
