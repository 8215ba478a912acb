// The main job with the generated types: send, follow, read page by page, opt out.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";

import createClient from "openapi-fetch";

import type { paths } from "./api.js";

const [baseUrl, key] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

const sent = {
  params: { header: { "Idempotency-Key": "two" } },
  body: {
    template_name: "hello",
    recipients: [
      { to: "+14155550123", params: ["Jane"] },
      { to: "+14155550124", params: { name: "Jim" } },
      { to: "12" },
    ],
  },
};
const created = (await client.POST("/api/v1/broadcasts", sent)).data!.data;
assert.ok("broadcast_id" in created, "this is no dry run");
assert.deepEqual([created.accepted, created.rejected], [2, 1]);
const again = await client.POST("/api/v1/broadcasts", sent);
assert.equal(again.response.headers.get("Idempotent-Replayed"), "true");

const path = { id: created.broadcast_id };
for (;;) {
  const { data, error } = await client.GET("/api/v1/broadcasts/{id}", { params: { path } });
  if (error) throw new Error(error.error.message);
  if (data!.data.delivered_count === 2) break;
  await setTimeout(20);
}

const addresses: string[] = [];
let cursor: string | null | undefined;
do {
  const { data: page } = await client.GET("/api/v1/broadcasts/{id}/recipients", {
    params: { path, query: cursor ? { limit: 1, cursor } : { limit: 1 } },
  });
  if (page === undefined || typeof page === "string") throw new Error("JSON is what a client gets that asks for nothing else");
  addresses.push(...page.data.map((each) => each.to));
  cursor = page.meta.next_cursor;
} while (cursor);
assert.deepEqual(addresses.sort(), ["+14155550123", "+14155550124"]);

await client.POST("/api/v1/optouts", { body: { phone: "+14155550123" } });
const { data: optouts } = await client.GET("/api/v1/optouts");
assert.deepEqual(optouts!.data.map((each) => each.phone), ["+14155550123"]);

const refused = await client.POST("/api/v1/broadcasts", { body: { template_name: "hello", recipients: [] } });
assert.equal(refused.response.status, 400);
assert.equal(refused.error!.error.code, "bad_request");
console.log("done");
