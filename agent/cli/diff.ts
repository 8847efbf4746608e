import { isDeepStrictEqual } from 'node:util'
import type { RuleSet } from '../routing/index.ts'
import { readRules } from '../routing/load.ts'
import { type Verdict, verdict } from '../routing/verdict.ts'
import { type Command, counted, jsonOption, UsageError } from './command.ts'
import { factsOf, forEachFile, printRest, senderHelp, senderOptions } from './dicom-files.ts'
import { summaryOf } from './explanation.ts'
import { paint } from './paint.ts'

interface Compared {
  file: string
  old: Verdict
  new: Verdict
}

export const diff: Command = {
  name: 'diff',
  summary: 'which DICOM files other rules would route differently',
  usage:
    '[--calling AE] [--called AE] [--source ADDR] [--tls-client-cn NAME] [--time MOMENT] [--json] OLD NEW FILE|DICOMDIR|FOLDER…',
  help: `Tells which of the files the rules in folder NEW treat otherwise than those in folder OLD, and how: path, route, reason
of refusal, \`mixed\` or the values that keep associations together. Another name of the rule is no difference.

${senderHelp}
  --json          for programs`,
  options: { ...jsonOption, ...senderOptions },
  run: ([oldFolder, newFolder, ...paths], options) => {
    if (oldFolder === undefined || newFolder === undefined)
      throw new UsageError('which rules? Name two folders of rule files, and then DICOM files')
    const [before, after] = [readRules(oldFolder).ruleSet, readRules(newFolder).ruleSet]
    const read = forEachFile(paths, (file): Compared => {
      const verdictOf = (ruleSet: RuleSet) => {
        const { association, dataset } = factsOf(file, ruleSet, options)
        return verdict(ruleSet, association, dataset)
      }
      return { file: file.file, old: verdictOf(before), new: verdictOf(after) }
    })
    const { results, unreadable } = read
    const different = results.filter(compared => !isSame(compared.old, compared.new))
    if (options.json) {
      console.log(JSON.stringify({ files: results.length, different, unreadable }, undefined, 2))
    } else {
      for (const compared of different) console.log(textOf(compared))
      printRest(read)
      console.log(`${different.length} of ${counted(results.length, 'file')} treated differently`)
    }
    return different.length + unreadable.length > 0 ? 1 : 0
  },
}

function isSame({ rule: _old, ...before }: Verdict, { rule: _new, ...after }: Verdict): boolean {
  return isDeepStrictEqual(before, after)
}

function textOf({ file, old, new: changed }: Compared): string {
  const [before, after] = [`  - ${summaryOf(old)}`, `  + ${summaryOf(changed)}`]
  return [paint('bold', file), paint('red', before), paint('green', after)].join('\n')
}
