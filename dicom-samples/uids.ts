/** A UID of this project's own, made from a UUID (PS3.5 §B.2); everything in the samples is numbered below it. */
export const uidRoot = '2.25.34293242897009710684641446086177085135'
