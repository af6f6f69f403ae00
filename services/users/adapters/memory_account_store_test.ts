import { testAccountStore } from "../account_store_conformance.ts";
import { MemoryAccountStore } from "./memory_account_store.ts";

testAccountStore("MemoryAccountStore", () => Promise.resolve(new MemoryAccountStore()));
