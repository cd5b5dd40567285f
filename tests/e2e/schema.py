"""schema.py SCHEMA DOCUMENT: exit 0 if the JSON document fits, else say where not."""
import json, sys
import jsonschema

with open(sys.argv[1]) as f:
    schema = json.load(f)
with open(sys.argv[2]) as f:
    document = json.load(f)
errors = list(jsonschema.Draft7Validator(schema).iter_errors(document))
for e in errors[:5]:
    print("/".join(str(p) for p in e.absolute_path), e.message[:300])
sys.exit(1 if errors else 0)
