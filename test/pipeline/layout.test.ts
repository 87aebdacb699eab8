import assert from "node:assert/strict";
import { cookieOf, siteOfCookie } from "#pipeline/layout/cookie.ts";
import { networkPriority, PRIORITY } from "#pipeline/layout/priorities.ts";
import { FEATURES, type Site } from "#pipeline/layout/sites.ts";
import { TABLES } from "#pipeline/layout/tables.ts";
import { requireDisjoint, requireUnique } from "#pipeline/layout/validate.ts";

const SITES = Object.entries(FEATURES).flatMap(([feature, { sites }]) =>
  Object.keys(sites).map((site) => `${feature}/${site}` as Site),
);

describe("layout literals", () => {
  it("are refused when a number is used twice, is no number or leaves its bounds", () => {
    requireUnique("table id", [0, 10, 253], 0, 253);
    assert.throws(() => requireUnique("table id", [0, 10, 10], 0, 253), /table id 10 is used twice/);
    assert.throws(() => requireUnique("table id", [254], 0, 253), /table id 254 is not within 0..253/);
    assert.throws(() => requireUnique("table id", [1.5], 0, 253), /table id 1.5 is not within 0..253/);
  });

  it("are refused when register fields share a bit or leave the register", () => {
    const field = (start: number, bits: number, register = "reg0") => ({ register, start, bits });
    requireDisjoint({ a: field(0, 4), b: field(4, 28), c: field(0, 32, "reg1") });
    assert.throws(() => requireDisjoint({ a: field(0, 4), b: field(3, 4) }), /a and b both use reg0\[3\]/);
    assert.throws(() => requireDisjoint({ a: field(30, 4) }), /register field a does not fit/);
    assert.throws(() => requireDisjoint({ a: field(0, 0) }), /register field a does not fit/);
  });

  it("have packets meet the tables in the order of their ids", () => {
    const ids = Object.values(TABLES).map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );
  });

  it("keep networks of every length above the fallback and below single addresses", () => {
    assert.ok(networkPriority(0) > PRIORITY.fallback && networkPriority(128) < PRIORITY.address);
    assert.ok(networkPriority(25) > networkPriority(24));
  });
});

describe("a cookie", () => {
  it("is feature, site and owner, the same today and tomorrow", () => {
    assert.equal(cookieOf("pods/deliver", "Pod/default/web").toString(16), "20403e0dc2a6432");
  });

  it("names its site, and is nobody's when no site of ours made it", () => {
    for (const site of SITES) assert.equal(siteOfCookie(cookieOf(site, "Pod/default/web"))?.site, site);
    for (const foreign of [0n, 0x5n, 0xffff_0000_0000_0001n, 0x01ff_0000_0000_0001n])
      assert.equal(siteOfCookie(foreign), undefined);
  });

  it("tells all sites, and a hundred thousand owners, apart", () => {
    const owners = Array.from({ length: 100_000 }, (_, i) => `Pod/namespace-${i % 100}/web-${i}`);
    assert.equal(new Set(owners.map((owner) => cookieOf("pods/deliver", owner))).size, owners.length);
    assert.equal(new Set(SITES.map((site) => cookieOf(site, "Node/n1"))).size, SITES.length);
  });
});
