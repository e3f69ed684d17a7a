"""The shape of the shared documents: records, ids, upgrades, canonical JSON and the TypeScript twin."""
