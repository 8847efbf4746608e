import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface RuleFile {
  name: string
  /** its bytes, or why they cannot be read */
  content: Buffer | Error
}

/** The rule files of a folder as they were at one time, in the order of their names; nothing of it is checked. */
export interface RuleFiles {
  folder: string
  /** the files, or why the folder cannot be read */
  files: readonly RuleFile[] | Error
  /** the same for the same names and contents, in whatever folder: the beginning of a SHA-256, in hexadecimal */
  hash: string
}

/** Never rejects: what cannot be read is a part of the result. */
export async function readRuleFiles(folder: string): Promise<RuleFiles> {
  const names = await readdir(folder).catch(asError)
  if (names instanceof Error) return hashed(folder, names)
  const read = async (name: string) => ({ name, content: await readFile(join(folder, name)).catch(asError) })
  return hashed(folder, await Promise.all(ruleFileNames(names).map(read)))
}

/** The same for programs that have nothing else to do meanwhile. */
export function readRuleFilesSync(folder: string): RuleFiles {
  const names = attempt(() => readdirSync(folder))
  if (names instanceof Error) return hashed(folder, names)
  const read = (name: string) => ({ name, content: attempt(() => readFileSync(join(folder, name))) })
  return hashed(folder, ruleFileNames(names).map(read))
}

/** Not the swap files and backups of editors, nor the links in a ConfigMap of Kubernetes (`..data`). */
function ruleFileNames(names: readonly string[]): string[] {
  return names.filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.')).sort()
}

function hashed(folder: string, files: readonly RuleFile[] | Error): RuleFiles {
  const hash = createHash('sha256')
  const add = (content: Buffer | Error) => {
    const bytes = content instanceof Error ? Buffer.from(content.message) : content
    hash.update(`${content instanceof Error ? 'error' : 'bytes'} ${bytes.length}\0`).update(bytes)
  }
  if (files instanceof Error) add(files)
  else {
    for (const { name, content } of files) {
      hash.update(`${name}\0`)
      add(content)
    }
  }
  return { folder, files, hash: hash.digest('hex').slice(0, 12) }
}

function attempt<T>(read: () => T): T | Error {
  try {
    return read()
  } catch (error) {
    return asError(error)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
