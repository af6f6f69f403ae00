import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { given } from "@mesh/testing";
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
  assertEquals(given(users, []).when(RegisterCustomer({ customerId, role: "staff" })), [
    CustomerRegistered({ customerId, role: "staff" }),
  ]);
});

Deno.test("users answers a repeated registration without changing the role", () => {
  const repeated = RegistrationRepeated({ customerId });
  assertEquals(given(users, [registered]).when(RegisterCustomer({ customerId, role: "operator" })), [repeated]);
  assertEquals(given(users, [registered, repeated]).state, { role: "customer" });
});

Deno.test("users answers every command about a registered account with one event", () => {
  const commands = [
    StartSession({ customerId, sessionId }),
    EndSession({ customerId, sessionId }),
    ReportRefreshReuse({ customerId, sessionId }),
    AddAddress({ customerId, addressRef }),
    ChangeRole({ customerId, role: "staff" }),
  ];
  assertEquals(commands.flatMap((command) => given(users, [registered]).when(command)), [
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
  assertEquals(given(users, history).state, { role: "auditor" });
});

Deno.test("users calls a session of an account that nobody registered a defect", () => {
  assertThrows(() => given(users, []).when(StartSession({ customerId, sessionId })), { code: "defect" });
});
