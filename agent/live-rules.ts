import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import {
  buildRules,
  type RuleFiles,
  type RuleSet,
  readRuleFiles,
  type ShownProblem,
  showProblems,
} from './routing/index.ts'

/** What the agent decides by. It is never changed: a reload puts another in its place. */
export interface Serving {
  readonly ruleSet: RuleSet
  /** of the files it was made from; agents with the same hash decide alike */
  readonly hash: string
  readonly loadedAt: Date
}

export type Trigger = 'start' | 'save' | 'SIGHUP' | 'POST'

/** How the last attempt to load rules went; `hash` is that of the files tried, `problems` are lines for people. */
export type Reload = {
  readonly trigger: Trigger
  readonly at: Date
  readonly hash: string
} & ({ readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] })

export interface LiveRules {
  readonly serving: Serving
  readonly lastReload: Reload
  /** what was wrong at the last attempt, with the lines that it is in: for those who may see the rules */
  readonly problems: readonly ShownProblem[]
  /** Loads the files as they are now, changed or not. Where they are wrong, what serves goes on serving. */
  reload(trigger: Trigger): Promise<Reload>
  /** The same if they have changed since the last attempt, and are the same at two calls: they may be half written. */
  poll(): Promise<void>
}

/** For how long files that somebody asks to be loaded must have stayed the same. */
const SETTLED_MS = 20
/** A saved rule serves after two polls at most, and agents disagree for one at most. */
const POLL_MS = 500

/** Reads the rules of `folder` for the first time, and rejects as `buildRules` does. */
export async function startRules(folder: string, log: Logger): Promise<LiveRules> {
  const first = await readSettled(folder)
  let serving = await build(first)
  let lastReload: Reload = { trigger: 'start', at: serving.loadedAt, hash: first.hash, ok: true }
  let shown: readonly ShownProblem[] = []
  let loading: Promise<Reload> = Promise.resolve(lastReload)
  let polled = first.hash
  logLoaded(lastReload)

  function logLoaded({ trigger, hash }: Reload): void {
    log.info({ trigger, hash, rules: serving.ruleSet.rules.length }, 'rules loaded')
  }

  /** One after the other, in the order in which the files were read: the last ones serve in the end. */
  function load(files: RuleFiles, trigger: Trigger): Promise<Reload> {
    loading = loading.then(() => attempt(files, trigger))
    return loading
  }

  async function attempt(files: RuleFiles, trigger: Trigger): Promise<Reload> {
    const tried = { trigger, at: new Date(), hash: files.hash }
    try {
      serving = await build(files)
      lastReload = { ...tried, ok: true }
      shown = []
      logLoaded(lastReload)
    } catch (error) {
      shown = showProblems(error, files)
      const problems = shown.map(({ text }) => text)
      lastReload = { ...tried, ok: false, problems }
      const { hash } = files
      log.error({ trigger, hash, serving: serving.hash, problems }, 'rules refused: those before still serve')
    }
    return lastReload
  }

  return {
    get serving() {
      return serving
    },
    get lastReload() {
      return lastReload
    },
    get problems() {
      return shown
    },
    reload: async trigger => load(await readSettled(folder), trigger),
    poll: async () => {
      const files = await readRuleFiles(folder)
      const settled = files.hash === polled
      polled = files.hash
      if (settled && files.hash !== (await loading).hash) await load(files, 'save')
    },
  }
}

/**
 * Polls until the process ends, which it does not hold up. Events of the file system would miss what editors, network
 * file systems and ConfigMaps do to a folder; its content tells.
 */
export function watchRules(rules: LiveRules): void {
  const next = () => setTimeout(() => void rules.poll().then(next), POLL_MS).unref()
  next()
}

async function build(files: RuleFiles): Promise<Serving> {
  return { ruleSet: await buildRules(files), hash: files.hash, loadedAt: new Date() }
}

/** Files that are being written, or swapped one after the other, are waited for. */
async function readSettled(folder: string): Promise<RuleFiles> {
  for (let before = await readRuleFiles(folder); ; ) {
    await sleep(SETTLED_MS)
    const files = await readRuleFiles(folder)
    if (files.hash === before.hash) return files
    before = files
  }
}
