// Parameters of shots as the inspector shows them: one shot's, or what several have in common.
import type { PipelineParam } from '$lib/api';
import { choiceLabel } from '$lib/project/generating';

export type ParamValue = string | number | boolean;

/** The value a shot has for a parameter: its own if that has the right kind, else the pipeline's default. */
export function valueOf(param: PipelineParam, parameters: Record<string, unknown>): ParamValue {
  const own = parameters[param.name];
  return isKind(param, own) ? own : (param.default as ParamValue);
}

/** What all have in common; undefined when they differ. */
export function common<Value>(values: readonly Value[]): Value | undefined {
  return values.every((value) => value === values[0]) ? values[0] : undefined;
}

/** Parameters that the pipelines of all shots know under one name and kind. */
export function sharedParams(lists: readonly PipelineParam[][]): PipelineParam[] {
  const [first, ...others] = lists;
  return (first ?? []).filter((param) =>
    others.every((list) => list.some((other) => other.name === param.name && other.type === param.type))
  );
}

export interface Setting {
  label: string;
  value: string;
  isNumber: boolean;
}

/** What a take was made with, in the words of its pipeline; a parameter the pipeline no longer has keeps its name. */
export function settingsOf(made: readonly [string, unknown][], params: readonly PipelineParam[]): Setting[] {
  const order = (name: string) => {
    const at = params.findIndex((param) => param.name === name);
    return at < 0 ? params.length : at;
  };
  return [...made]
    .sort(([a], [b]) => order(a) - order(b) || a.localeCompare(b))
    .map(([name, value]) => {
      const param = params.find((candidate) => candidate.name === name);
      return {
        label: param?.label ?? choiceLabel(name),
        value: written(value, param?.unit),
        isNumber: typeof value === 'number'
      };
    });
}

/** Steps that suit a range: whole numbers for whole ranges, hundredths for 0 to 1. */
export function stepOf(param: PipelineParam): number {
  if (param.type === 'integer') return 1;
  const span = (param.maximum ?? Infinity) - (param.minimum ?? 0);
  if (span <= 2) return 0.05;
  return span <= 30 ? 0.1 : 1;
}

function written(value: unknown, unit = ''): string {
  if (typeof value === 'boolean') return value ? 'On' : 'Off';
  if (typeof value === 'number') return unit ? `${value} ${unit}` : String(value);
  return typeof value === 'string' ? choiceLabel(value) : String(value);
}

function isKind(param: PipelineParam, value: unknown): value is ParamValue {
  switch (param.type) {
    case 'integer':
    case 'float':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'enum':
      return typeof value === 'string' && param.choices.includes(value);
    default:
      return typeof value === 'string';
  }
}
