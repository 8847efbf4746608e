import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const author = { GIT_AUTHOR_NAME: 'T', GIT_AUTHOR_EMAIL: 't@example', GIT_COMMITTER_NAME: 'T' }

const changelog = `# Changelog

## Unreleased

### Added

- A thing.

## 0.1.0 - 2026-01-01

- The first thing.
`

describe('make bump-version, in a repository of its own', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'release-'))
    for (const file of ['Makefile', 'package.json', 'package-lock.json', 'deploy/release']) {
      cpSync(join(root, file), join(folder, file), { recursive: true })
    }
    // npm looks at the workspace
    mkdirSync(join(folder, 'agent/haproxy-spoe'), { recursive: true })
    cpSync(join(root, 'agent/haproxy-spoe/package.json'), join(folder, 'agent/haproxy-spoe/package.json'))
    setVersion('0.1.9')
    write('CHANGELOG.md', changelog)
    git('init', '-q')
    commit()
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  const version = (file: string) => JSON.parse(read(file)).version

  function run(program: string, ...args: string[]): { code: number | null; out: string; err: string } {
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...author, GIT_COMMITTER_EMAIL: 't@example' },
    })
    return { code: status, out: stdout, err: stderr }
  }
  function git(...args: string[]): string {
    const { code, out, err } = run('git', ...args)
    assert.equal(code, 0, err)
    return out.trim()
  }
  function commit(): void {
    git('add', '-A')
    git('commit', '-qm', 'Change')
  }
  function setVersion(text: string): void {
    for (const file of ['package.json', 'package-lock.json']) {
      const data = JSON.parse(read(file))
      data.version = text
      if (data.packages) data.packages[''].version = text
      write(file, `${JSON.stringify(data, null, 2)}\n`)
    }
  }

  for (const [part, expected] of [
    ['patch', '0.1.10'],
    ['minor', '0.2.0'],
    ['major', '1.0.0'],
  ] as const) {
    test(`PART=${part}: one commit, a tag, and the changelog dated`, () => {
      const library = version('agent/haproxy-spoe/package.json')
      const { code, out, err } = run('make', '--no-print-directory', 'bump-version', `PART=${part}`)
      assert.equal(code, 0, err)
      assert.match(out, new RegExp(`^v${expected} is committed and tagged`))
      assert.equal(run('make', '--no-print-directory', 'show-version').out.trim(), expected)
      assert.equal(version('package-lock.json'), expected)
      assert.equal(version('agent/haproxy-spoe/package.json'), library)
      assert.equal(git('rev-list', '--count', 'HEAD'), '2')
      assert.equal(git('log', '-1', '--format=%s'), `Release ${expected}`)
      assert.equal(git('describe', '--exact-match'), `v${expected}`)
      assert.equal(git('status', '--porcelain'), '')
      const today = git('log', '-1', '--format=%ad', '--date=format-local:%Y-%m-%d')
      assert.equal(
        read('CHANGELOG.md'),
        changelog.replace('## Unreleased', `## Unreleased\n\n## ${expected} - ${today}`),
      )
    })
  }

  function refused(pattern: RegExp, ...args: string[]): void {
    const [head, before] = [git('rev-parse', 'HEAD'), git('status', '--porcelain')]
    const { code, err } = run('make', '--no-print-directory', 'bump-version', ...args)
    assert.notEqual(code, 0)
    assert.match(err, pattern)
    assert.equal(git('rev-parse', 'HEAD'), head)
    assert.equal(git('tag'), '')
    assert.equal(git('status', '--porcelain'), before)
  }

  test('without PART, or with another one, it says how', () => {
    refused(/^Say which part of the version: make bump-version PART=patch/)
    refused(/^Say which part of the version/, 'PART=1.2.3')
    refused(/^Say which part of the version/, 'PART=patch minor')
  })
  test('with changes that are not in a commit, it names them', () => {
    write('new.txt', 'new')
    refused(/^There are changes that are not in a commit.*new\.txt/s, 'PART=patch')
  })
  test('with nothing in the changelog, it says where to write', () => {
    write('CHANGELOG.md', changelog.replace('- A thing.\n', ''))
    commit()
    refused(/^CHANGELOG\.md has nothing under "## Unreleased"/, 'PART=patch')
    write('CHANGELOG.md', changelog.replace('## Unreleased\n', ''))
    commit()
    refused(/^CHANGELOG\.md has nothing under "## Unreleased"/, 'PART=patch')
  })
})
