/** All that a schema may have and Open vSwitch's own seldom has. */
import type { JsonObject } from "#ovsdb/notation.ts";

const wide = { type: "integer", minInteger: 0, maxInteger: 9223372036854775807n };

export const ODD_SCHEMA: JsonObject = {
  name: "delete",
  version: "12.0.7",
  cksum: "1 2",
  tables: {
    class: {
      isRoot: true,
      maxRows: 1,
      indexes: [["default"], ["default", "new"]],
      columns: {
        default: { type: "string" },
        new: { type: "boolean" },
        constructor: { type: { key: "string", min: 0, max: 1 } },
        prototype: { type: { key: "uuid", min: 0, max: "unlimited" } },
        number: { type: { key: { type: "integer", enum: ["set", [1, 2, -3, 9007199254740993n]] } } },
        truth: { type: { key: { type: "boolean", enum: true } } },
        half: { type: { key: { type: "real", enum: ["set", [0.5, 1e300]] } } },
      },
    },
    string: {
      isRoot: true,
      columns: {
        exact: { type: { key: { type: "integer", minInteger: 0, maxInteger: 7 } }, mutable: false },
        wide: { type: { key: wide } },
        real: { type: { key: { type: "real", minReal: -0.5, maxReal: 1.5 }, min: 0, max: 1 }, ephemeral: true },
        reals: { type: { key: "real", min: 0, max: 2 } },
        children: {
          type: { key: { type: "uuid", refTable: "class" }, value: { type: "uuid", refTable: "string" }, min: 0 },
        },
        friend: { type: { key: { type: "uuid", refTable: "class", refType: "weak" }, min: 0, max: 1 } },
        parent: { type: { key: { type: "uuid", refTable: "class" } } },
        few: { type: { key: { type: "string", minLength: 1, maxLength: 4 }, min: 1, max: 3 } },
        quoted: { type: { key: { type: "string", enum: ["set", ["a | b", '"', "\\", "*/", "\n"]] }, min: 0 } },
      },
    },
    Database: { columns: { name: { type: "string" } } },
  },
};

/** Lines that end in "// refused" must not compile, all others must. */
export const ODD_USE = `
import type * as odd from "./odd.ts";
import { delete_ as db } from "./odd.ts";
import { namedUuid, ovsMap, ovsSet, type Ref, type Uuid } from "weir/ovsdb";

declare const c: odd.classRow;
declare const s: odd.stringRow;
const one: 1 | 2 | -3 | 9007199254740993n = c.number;
const none: string | undefined = c.constructor;
const ids: readonly Uuid[] = c.prototype;
const truth: true = c.truth;
const half: 0.5 | 1e300 = c.half;
const exact: number = s.exact;
const wide: number | bigint = s.wide;
const narrow: number = s.wide; // refused
const real: number | undefined = s.real;
const children: ReadonlyMap<Ref<"class">, Ref<"string">> = s.children;
const swapped: ReadonlyMap<Ref<"string">, Ref<"class">> = s.children; // refused
const quoted: "a | b" | '"' | "\\\\" | "*/" | "\\n" | undefined = s.quoted;

db.insert("class", { number: 1, truth: true, half: 0.5, constructor: ovsSet([]) });
db.insert("class", { truth: true, half: 0.5 }); // refused
db.insert("class", { number: 4, truth: true, half: 0.5 }); // refused
db.insert("class", { number: 1, truth: false, half: 0.5 }); // refused
db.insert("string", { parent: namedUuid("p"), few: "a", children: ovsMap([[namedUuid("p"), namedUuid("q")]]) });
db.insert("string", { parent: namedUuid("p") }); // refused
db.insert("string", { few: ovsSet(["a", "b"]) }); // refused
db.update("string", [["exact", ">", 3]], { real: 1.5, few: "a" });
db.update("string", [], { exact: 3 }); // refused
db.mutate("string", [], [["reals", "*=", 2], ["wide", "%=", 2]]);
db.mutate("string", [], [["reals", "%=", 2]]); // refused
db.mutate("string", [], [["exact", "+=", 2]]); // refused
db.remove("Database", []);
db.remove("database", []); // refused
`;
