/** Fails, as a program of its own fault. */
export default function crash(): Promise<void> {
  return Promise.reject(new Error("my own fault"));
}
