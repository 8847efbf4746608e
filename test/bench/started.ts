interface Stoppable {
  stop(): Promise<unknown>
}

/** Notes what was started, so that it is stopped whatever comes. */
export type Start = <T extends Stoppable>(starting: T | Promise<T>) => Promise<T>

/** Stops what `use` has started in the opposite order, however it ends. */
export async function withStarted<T>(use: (start: Start) => Promise<T>): Promise<T> {
  const started: Stoppable[] = []
  try {
    return await use(async starting => {
      const running = await starting
      started.push(running)
      return running
    })
  } finally {
    await stopAll(started.toReversed())
  }
}

/** Each of them, whichever fails. */
async function stopAll([first, ...others]: readonly Stoppable[]): Promise<void> {
  if (first === undefined) return
  try {
    await first.stop()
  } finally {
    await stopAll(others)
  }
}
