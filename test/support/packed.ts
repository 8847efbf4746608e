import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const packed = ['package.json', 'tsconfig.json', 'tsconfig.pack.json', 'agent', 'deploy', 'docs']
const told = ['README.md', 'CHANGELOG.md', 'LICENSE']

/** An empty project of a user into which a package was installed as it is packed. */
export interface UserProject {
  folder: string
  /** writes a file of the project, and returns its path */
  write(name: string, content: string): string
  /** runs a program in it, and returns what it has printed; throws where it fails */
  run(program: string, ...args: string[]): string
  remove(): void
}

/**
 * Packs the package in `folder` of the project by `npm pack`, and installs the tarball into an empty project. It is
 * packed from a copy: packing rewrites package.json for a moment, and other tests read it.
 */
export function installPacked(folder = '.'): UserProject {
  const place = mkdtempSync(join(tmpdir(), 'packed-'))
  const copy = join(place, 'copy')
  const project = join(place, 'project')
  for (const name of [...packed, ...told]) cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  mkdirSync(project)

  const run = (cwd: string, program: string, ...args: string[]) => {
    const env = { ...process.env, FORCE_COLOR: undefined, NODE_TEST_CONTEXT: undefined }
    const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`)
    return stdout
  }
  const inProject = (program: string, ...args: string[]) => run(project, program, ...args)
  run(join(copy, folder), 'npm', 'pack', '--pack-destination', place)
  const tarballs = globSync(join(place, '*.tgz'))
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  inProject('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs)
  return {
    folder: project,
    write(name, content) {
      writeFileSync(join(project, name), content)
      return join(project, name)
    },
    run: inProject,
    remove: () => rmSync(place, { recursive: true }),
  }
}
