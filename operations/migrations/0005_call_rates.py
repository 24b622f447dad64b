from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('operations', '0004_turns_and_heartbeats'),
    ]

    operations = [
        migrations.CreateModel(
            name='CallRate',
            fields=[
                ('caller', models.TextField(help_text="The rate's name, and whom it holds for.", primary_key=True, serialize=False)),
                ('ends_at', models.DateTimeField(help_text="By PostgreSQL's own clock, which no test moves.")),
                ('taken', models.IntegerField(help_text='Calls handed to web processes in this period.')),
                ('granted', models.IntegerField(help_text='Of these, those handed out last.')),
            ],
        ),
        migrations.RunSQL("ALTER TABLE operations_callrate SET UNLOGGED", "ALTER TABLE operations_callrate SET LOGGED"),
    ]
