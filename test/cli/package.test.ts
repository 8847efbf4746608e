// The tool as those get it who have nothing but the package: packed, and installed into an empty project.

import assert from 'node:assert/strict'
import { cpSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { installPacked, type UserProject } from '../support/packed.ts'
import { cli, root } from './support.ts'

describe('the command-line tool, packed and installed', { timeout: 120_000 }, () => {
  let project: UserProject
  before(() => {
    project = installPacked()
    cpSync(join(root, 'agent/rules'), join(project.folder, 'rules'), { recursive: true })
  })
  after(() => project.remove())

  const tool = (...args: string[]) => project.run('npx', '--no-install', 'dicom-load-balancer', ...args)

  test('checks rules, and tells where a file goes, as it does in the project', () => {
    const file = join(root, 'dicom-samples/mr-brain.dcm')
    const here = (...args: string[]) => cli(args, { cwd: project.folder }).stdout
    for (const args of [
      ['check', 'rules/'],
      ['test', 'rules/'],
      ['explain', '--rules', 'rules', file],
      ['schema'],
    ]) {
      const printed = tool(...args)
      assert.ok(printed.length > 0)
      assert.equal(printed, here(...args))
    }
  })

  test('names itself as it is called', () => {
    assert.match(tool('--help'), /^npx dicom-load-balancer COMMAND/)
  })

  test('needs the packages that it imports, and no others', () => {
    const installed = join(project.folder, 'node_modules/dicom-load-balancer')
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    const code = globSync(join(installed, 'dist/**/*.js')).map(file => readFileSync(file, 'utf8'))
    const imported = code.join().matchAll(/ from '([\w-]+)(?:\/\w+)?'/g)
    const needed = new Set([...imported].map(([, name]) => name))
    assert.deepEqual([...needed].sort(), Object.keys(dependencies))
  })
})
