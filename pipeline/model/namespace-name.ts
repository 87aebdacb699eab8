/** The label of a namespace with its own name as value. */
export const NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name";
