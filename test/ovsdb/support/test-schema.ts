/** A schema with every kind of column, in two versions: the second adds a column and takes one away. */
export function testSchema(version: 1 | 2 = 1): { readonly name: string; readonly [key: string]: unknown } {
  return {
    name: "Test",
    version: `${version}.0.0`,
    tables: {
      Item: {
        isRoot: true,
        indexes: [["name"]],
        columns: {
          name: { type: "string" },
          count: { type: { key: "integer", min: 0 } },
          tags: { type: { key: "string", min: 0, max: "unlimited" } },
          ids: { type: { key: "string", value: "string", min: 0, max: "unlimited" } },
          ...(version === 1 ? { old: { type: "string" } } : { young: { type: "string" } }),
        },
      },
    },
  };
}
