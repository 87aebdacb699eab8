import assert from "node:assert/strict";
import { describeError, WeirError } from "#base/errors.ts";

class ExampleError extends WeirError {}

describe("errors", () => {
  it("carry a code, a message, details and a cause", () => {
    const cause = new Error("refused");
    const error = new ExampleError("E_EXAMPLE", "cannot reach the switch", { socket: "br.mgmt" }, cause);
    assert.equal(error.name, "ExampleError");
    assert.equal(error.code, "E_EXAMPLE");
    assert.deepEqual(error.details, { socket: "br.mgmt" });
    assert.equal(error.cause, cause);
  });

  it("have no cause when none was given", () => {
    assert.equal("cause" in new ExampleError("E_EXAMPLE", "alone"), false);
  });

  it("are described on one line with the whole chain of causes", () => {
    const error = new ExampleError("E_A", "a", {}, new ExampleError("E_B", "b", {}, new Error("c")));
    assert.equal(describeError(error), "a: b: c");
    assert.equal(describeError("just text"), "just text");
    assert.equal(describeError(undefined), "undefined");
  });
});
