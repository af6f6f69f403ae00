import { testAuditStore } from "../audit_store_conformance.ts";
import { memoryAuditStore } from "./memory_audit_store.ts";

testAuditStore("memoryAuditStore", () => Promise.resolve(memoryAuditStore()));
