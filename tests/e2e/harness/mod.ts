/**
 * The whole shop under test: started with servers, simulators and every service, and looked at from outside and behind.
 *
 * @module
 */
export { type MeshVoice, openVoice, type Sending } from "./mesh_voice.ts";
export { type TestShop, type TestShopOptions, withShop } from "./open_shop.ts";
export { type RecordedDeath, type RecordedEvent, ShopRecords } from "./shop_records.ts";
export { waitFor } from "./wait_for.ts";
